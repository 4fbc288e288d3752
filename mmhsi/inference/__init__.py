"""The parts of the inferencer: reading, cutting, predicting, and writing of scenes of any size."""
