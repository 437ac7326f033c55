"""What a new user meets in the first hour: starts, losses, mistakes, schemas, servers and the command."""
