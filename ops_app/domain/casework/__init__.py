"""Rules of the area casework: cases, their custody, flags and intake."""
