"""The guards of access model, section 6: the rows of a change, the permissions they need, and what forbids them."""
