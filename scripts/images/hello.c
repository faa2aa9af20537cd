/* The program of the hello-world image: static, without a C library, a few hundred bytes. */
static const char text[] =
    "\nHello from wherry!\n"
    "If you can read this, your engine pulls images and runs containers.\n\n"
    "What happened just now:\n"
    " 1. The wherry command asked the engine to run the image \"hello-world\".\n"
    " 2. The engine fetched it from the registry, checked every byte and unpacked it.\n"
    " 3. It made a container of the image and started this program inside.\n"
    " 4. The keeper handed what the program wrote to your terminal.\n\n"
    "Next, a shell of your own:\n"
    "  wherry run -it alpine /bin/sh\n\n";

static long call3(long number, long a, const void *b, long c) {
  long result;
#if defined(__x86_64__)
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register const void *x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  result = x0;
#endif
  return result;
}

#if defined(__x86_64__)
enum { kWrite = 1, kExit = 60 };
#else
enum { kWrite = 64, kExit = 93 };
#endif

void _start(void) {
  call3(kWrite, 1, text, sizeof text - 1);
  for (;;) call3(kExit, 0, 0, 0);
}
