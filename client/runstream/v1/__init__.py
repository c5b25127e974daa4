"""Generated messages and stubs of the runstream.v1 contract; `make proto` writes them."""
