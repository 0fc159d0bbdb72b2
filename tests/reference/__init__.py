"""A second, independent reading of the access model, against which the engine is held."""
