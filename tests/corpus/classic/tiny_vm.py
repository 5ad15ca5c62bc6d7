"""A compiler and a virtual machine for a small language with functions and loops."""
import re

SOURCE = """
func gcd(a, b) { while b != 0 { t = a % b; a = b; b = t; } return a; }
func main(n) {
  total = 0; i = 1;
  while i < n { j = 1; while j < 40 { total = total + gcd(i, j); j = j + 1; }
    if i % 150 == 0 { print total; } i = i + 1; }
  return total;
}
"""
TOKEN = re.compile(r"\s*(\d+|\w+|[=!<>]=|[-+*/%<>=(){},;])")


class Parser:
    def __init__(self, text):
        self.tokens = TOKEN.findall(text) + ["end"]
        self.at = 0
        self.code = []

    def take(self, wanted=None):
        token = self.tokens[self.at]
        if wanted is not None and token != wanted:
            raise SyntaxError(f"wanted {wanted}, found {token}")
        self.at += 1
        return token

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead]

    def program(self):
        functions = {}
        while self.peek() == "func":
            self.take()
            name = self.take()
            self.take("(")
            names = []
            while self.peek() != ")":
                names.append(self.take())
                if self.peek() == ",":
                    self.take()
            self.take(")")
            self.code = []
            self.block()
            functions[name] = (names, self.code)
        return functions

    def block(self):
        self.take("{")
        while self.peek() != "}":
            self.statement()
        self.take("}")

    def statement(self):
        word = self.peek()
        if word in ("while", "if"):
            self.take()
            start = len(self.code)
            self.expression(0)
            hole = len(self.code)
            self.code.append(None)
            self.block()
            if word == "while":
                self.code.append(("jump", start))
            self.code[hole] = ("unless", len(self.code))
            return
        if word in ("return", "print"):
            self.take()
            self.expression(0)
            self.code.append((word, None))
        else:
            name = self.take()
            self.take("=")
            self.expression(0)
            self.code.append(("store", name))
        self.take(";")

    LEVELS = [("==", "!=", "<", ">"), ("+", "-"), ("*", "/", "%")]

    def expression(self, level):
        if level == len(self.LEVELS):
            return self.atom()
        self.expression(level + 1)
        while self.peek() in self.LEVELS[level]:
            operator = self.take()
            self.expression(level + 1)
            self.code.append(("do", operator))
        return None

    def atom(self):
        token = self.take()
        if token.isdigit():
            self.code.append(("push", int(token)))
        elif self.peek() == "(":
            self.take()
            count = 0
            while self.peek() != ")":
                self.expression(0)
                count += 1
                if self.peek() == ",":
                    self.take()
            self.take(")")
            self.code.append(("call", (token, count)))
        else:
            self.code.append(("load", token))


OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "%": lambda a, b: a % b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}


class Machine:
    def __init__(self, functions):
        self.functions = functions
        self.steps = 0

    def call(self, name, arguments):
        names, code = self.functions[name]
        scope = dict(zip(names, arguments))
        stack, at = [], 0
        while True:
            operation, operand = code[at]
            at += 1
            self.steps += 1
            match operation:
                case "push":
                    stack.append(operand)
                case "load":
                    stack.append(scope[operand])
                case "store":
                    scope[operand] = stack.pop()
                case "do":
                    right = stack.pop()
                    stack.append(OPERATORS[operand](stack.pop(), right))
                case "jump":
                    at = operand
                case "unless":
                    if not stack.pop():
                        at = operand
                case "print":
                    print("print", stack.pop(), self.steps, flush=True)
                case "call":
                    function, count = operand
                    given = stack[len(stack) - count:]
                    del stack[len(stack) - count:]
                    stack.append(self.call(function, given))
                case "return":
                    return stack.pop()


machine = Machine(Parser(SOURCE).program())
print(machine.call("main", [2400]), machine.steps)
