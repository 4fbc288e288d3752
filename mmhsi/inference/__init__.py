"""The inferencer: reading, cutting, predicting and writing scenes of any size."""
