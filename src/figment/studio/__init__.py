"""What touches the files of the user: the gallery and the settings written into pictures."""
