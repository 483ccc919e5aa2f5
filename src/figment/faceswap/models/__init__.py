"""Models of faces: detectors, landmarkers and embedders, each in its own package and each of one signature.

A module of these packages is one model; it is found by its file name or its LABEL. Weights lie in
`figment/faceswap/weights` with their licences, except for dlib's, which its users install themselves.
"""
