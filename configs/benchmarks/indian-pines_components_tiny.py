# indian-pines_components.py for one core: one seed, every fifth test pixel, and the outer values of each number.
_base_ = 'indian-pines_components.py'

left_out = ('2 points', '8 points', '49 spectral tokens')
contestants = [contestant for contestant in _base_.contestants if contestant['name'] not in left_out]
settings = {'_delete_': True, '10 per class': _base_.every_fifth_pixel}
seeds = (0,)
