"""Parts of the operations pages, one file each."""
