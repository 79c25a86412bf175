"""Colours in artwork: their spaces and functions, palettes, and the profile that plain RGB is taken to be in."""
