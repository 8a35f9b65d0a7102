"""What is done from a shell: `flask --app app COMMAND`."""
