"""Names as people read them."""

import pikepdf


def shown_name(name: pikepdf.Object) -> str:
    """With its slash. Older programs write the names of fonts and inks in their own machine's letters."""
    try:
        return str(name)
    except UnicodeDecodeError:
        return name.unparse().decode("latin-1")
