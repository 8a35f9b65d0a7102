"""What Charla talks about: frozen values, enums, errors and pure rules; standard library only."""
