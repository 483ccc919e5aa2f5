"""Face swap: from two clips to a third, in which the person of the one has the pose and the face play of the other."""
