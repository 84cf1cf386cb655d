"""The surface of people in pictures: charts, maps of them, and what they are good for."""
