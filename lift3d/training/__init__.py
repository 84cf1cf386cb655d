"""Training of lifters on motion capture: random cameras, detector-like noise, recombined limbs."""
