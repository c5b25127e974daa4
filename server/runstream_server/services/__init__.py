"""The gRPC door: servicers that convert, call the core and convert back."""
