"""Card payments: how likely is this one fraud?"""
