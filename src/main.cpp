#include <cstdio>

int main() { std::puts("diffeo " DIFFEO_VERSION); }
