#include "app/cli.h"

int main(int argc, char** argv) { return dorsal::app::run(argc, argv); }
