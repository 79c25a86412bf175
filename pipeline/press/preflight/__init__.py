"""What is wrong with artwork, as a report that its designer can act on."""
