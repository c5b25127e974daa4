"""What all doors of the API share: the record of an RPC, and its status."""
