"""Artwork from HTML: fields filled, the page set without a network, and looked at as any PDF is."""
