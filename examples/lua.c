/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua: run a Lua script whose whole memory is one pool with a limit.
 *
 * lua [-m bytes] [script]
 *
 * What the collector frees is used again, so a script may run for days in it;
 * what is beyond the limit is an error of Lua, "not enough memory", which the
 * script may catch. At the end the pool is destroyed, and with it the state:
 * there is no lua_close. So no finalizer (__gc) and no to-be-closed variable of
 * what is alive then is run, which is why the script gets only those libraries
 * that hold nothing but memory: neither io, os nor package.
 */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <tarn.h>
#include <unistd.h>

#define LIMIT ((size_t)4 << 20) /* bytes, where -m does not say */

/* Where no script is named. */
static const char built_in[] =
	"local made = 0\n"
	"for round = 1, 300 do\n"
	"	local words = {}\n"
	"	for i = 1, 1000 do\n"
	"		words[i] = 'word ' .. i .. ' of round ' .. round\n"
	"	end\n"
	"	made = made + #table.concat(words, ' ')\n"
	"end\n"
	"print(made .. ' bytes of text made, and thrown away')\n"
	"\n"
	"local function hoard()\n"
	"	local all = {}\n"
	"	while true do\n"
	"		all[#all + 1] = ('x'):rep(1 + #all % 2000) .. #all\n"
	"	end\n"
	"end\n"
	"for time = 1, 3 do\n"
	"	local ok, why = pcall(hoard)\n"
	"	assert(not ok and why == 'not enough memory', why)\n"
	"	print('hoarding, time ' .. time .. ': ' .. why)\n"
	"end\n"
	"\n"
	"local sorted = {}\n"
	"for i = 1, 1000 do sorted[i] = i * 7919 % 1009 end\n"
	"table.sort(sorted)\n"
	"print('and on it goes: ' .. table.concat(sorted, ' ', 1, 10))\n";

/*
 * What Lua does for all its memory; `pool` is what lua_newstate was given. Lua
 * tells the old size, so nothing stands in front of an object. (Of a new one it
 * tells the type in its place, which tarn_prealloc does not look at.)
 */
static void *allocate(void *pool, void *object, size_t old_size, size_t size)
{
	if (size != 0)
		return tarn_prealloc(pool, object, old_size, size);
	if (object)
		tarn_pfree_sized(pool, object, old_size);
	return NULL;
}

static void open_libraries(lua_State *lua)
{
	static const luaL_Reg libraries[] = {
		{LUA_GNAME, luaopen_base},
		{LUA_COLIBNAME, luaopen_coroutine},
		{LUA_STRLIBNAME, luaopen_string},
		{LUA_TABLIBNAME, luaopen_table},
		{LUA_MATHLIBNAME, luaopen_math},
		{LUA_UTF8LIBNAME, luaopen_utf8},
	};

	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
		lua_pop(lua, 1);
	}
}

/* Protected by its caller: even to open a library takes memory. */
static int run(lua_State *lua)
{
	const char *script = lua_touserdata(lua, 1);

	open_libraries(lua);
	if ((script ? luaL_loadfile(lua, script)
		    : luaL_loadstring(lua, built_in)) != LUA_OK)
		return lua_error(lua);
	lua_call(lua, 0, 0);
	return 0;
}

/* Returns whether it ended well, and says why if not. */
static int run_script(tarn_pool *pool, char *script)
{
	lua_State *lua = lua_newstate(allocate, pool);
	const char *why = "not enough memory for a state";

	if (lua) {
		lua_pushcfunction(lua, run);
		lua_pushlightuserdata(lua, script);
		if (lua_pcall(lua, 1, 0, 0) == LUA_OK)
			return 1;
		why = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1)
						       : "an error";
	}
	fflush(stdout);
	fprintf(stderr, "lua: %s\n", why);
	return 0;
}

int main(int argc, char **argv)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *pool;
	int well;

	options.limit = LIMIT;
	for (int c; (c = getopt(argc, argv, "m:")) != -1;)
		options.limit = c == 'm' ? strtoul(optarg, NULL, 10) : 0;
	if (options.limit == 0 || optind + 1 < argc) {
		fprintf(stderr, "usage: lua [-m bytes] [script]\n");
		return 2;
	}
	pool = tarn_pool_create(&options);
	if (!pool) {
		perror("lua");
		return 1;
	}
	well = run_script(pool, argv[optind]);
	tarn_pool_stats(pool, &stats);
	printf("%zu bytes held, of %zu\n", stats.held, stats.limit);
	tarn_pool_destroy(pool); /* the state, and all that it had */
	return !well;
}
