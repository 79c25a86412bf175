"""A printer as a process of its own: it works on its side of an SFTP account, as a real one does, and knows nothing of the line.

`press` is the shop: it takes drops, checks them, prints, spoils a share, mails. `journal` is its memory and the truth about what
was printed. `paperwork` reads drops and writes acknowledgements and trays. `service` runs it until told to stop. `account`
serves it over SSH, with `relay` as a bad line.
"""
