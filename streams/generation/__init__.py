"""Generated replies: the models behind them, who gets one, and when."""
