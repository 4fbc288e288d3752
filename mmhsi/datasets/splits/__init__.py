"""Every way of dividing the labelled pixels of a scene into training, validation and test."""
