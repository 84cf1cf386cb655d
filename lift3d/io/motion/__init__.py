"""Motion: recordings in, and bodies and points out to the files of animation and biomechanics."""
