"""What runs inside a peer: the code that its own documentation asks for, around the same model."""
