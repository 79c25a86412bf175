"""What people look at before and beside the press: proofs, templates, test forms."""
