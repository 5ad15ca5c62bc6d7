"""The drill: a program is stopped, resumed elsewhere, and must leave what a plain run leaves."""
