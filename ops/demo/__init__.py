"""`make demo`: a whole day of mail on one machine, everything real but the press and the post."""
