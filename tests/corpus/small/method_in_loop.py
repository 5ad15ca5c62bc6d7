"""A method called in a loop over a tuple that is an attribute."""
class Shop:
    prices = (3, 5, 7)

    def __init__(self):
        self.sold = []

    def sell(self, price, *, discount=0):
        net = price - discount
        self.sold.append(net)
        return net

    def day(self):
        income = 0
        for price in self.prices:
            income += self.sell(price, discount=1)
            print("sold", price, income)
        return income


shop = Shop()
print(shop.day(), shop.sold)
