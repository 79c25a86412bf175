"""The fonts inside artwork: their programs, which glyph a code shows, and which codes a page shows."""
