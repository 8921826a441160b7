"""Characters that are taken for one another: alike to the eye, to the ear, or to both."""
