"""Three hundred spoken messages with questions, made for this project; see README.md beside this file."""
