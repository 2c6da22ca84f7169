"""What stacks are made of: types of components, flavors that come with Weft, and trying them."""
