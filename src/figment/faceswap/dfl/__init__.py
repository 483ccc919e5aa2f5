"""The files of DeepFaceLab: faces with what is known of them, packed facesets, and weights."""
