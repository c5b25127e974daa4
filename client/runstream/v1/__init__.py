"""Generated messages and stubs of the runstream API, version 1. Regenerate with `make proto`; never edit."""
