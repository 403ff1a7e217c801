"""Queries of the area casework."""
