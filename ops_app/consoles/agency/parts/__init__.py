"""Parts of the pages of an agency, one file each."""
