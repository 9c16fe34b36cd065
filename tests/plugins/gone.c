/* gone.c: a library that a test plugin needs and that is not there when the plugin is loaded. */
int gone(void);
int gone(void)
{
    return 0;
}
