"""funds (资金服务): what money was allotted, that it was made public, and how far it is spent."""
