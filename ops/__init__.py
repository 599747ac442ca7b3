"""What operators ask and do, shared by the command line and the console."""
