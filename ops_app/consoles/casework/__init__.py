"""Parts of the pages of cases, shared by the three consoles."""
