# Recommended for a pair of images of few broad bands: fill in `scene` and nothing else, as for change_detection.py.
_base_ = 'change_detection.py'

task = 'multispectral_change_detection'  # its scenes are pairs, as those of change_detection
