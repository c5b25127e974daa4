"""The parts of the digit examples: data, a network, processes that train it together, pictures."""
