"""From data to a bundle: training, point-in-time features and export, all of it offline."""
