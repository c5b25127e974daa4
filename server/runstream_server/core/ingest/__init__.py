"""Takes in metric rows: one stream per writer, one group commit for all of them."""
