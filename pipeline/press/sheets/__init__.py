"""Imposition: from placed pieces to press sheets, their marks, manifest and tickets."""
