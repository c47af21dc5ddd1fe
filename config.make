# nginx sources this when it writes objs/Makefile. Make's target-specific variables give these flags to our
# own objects only; -MMD lets each of them depend on exactly the headers that it includes.

# Debian's packages build in a directory of their own, with an absolute name
case $NGX_OBJS in
    /*) image_gateway_tree= ;;
    *)  image_gateway_tree=`pwd`/ ;;
esac

image_gateway_objs=
rm -f $image_gateway_unit_dir/objects

for image_gateway_unit in $image_gateway_units
do
    image_gateway_dir=`dirname $image_gateway_unit`
    image_gateway_obj=`basename $image_gateway_unit .cc`
    image_gateway_obj=$NGX_OBJS/addon/`basename $image_gateway_dir`/$image_gateway_obj.$ngx_objext
    image_gateway_objs="$image_gateway_objs $image_gateway_obj"

    # for t/gateway.cmake: the unit's name or its source, and its object
    echo "$image_gateway_unit $image_gateway_tree$image_gateway_obj" >> $image_gateway_unit_dir/objects
done

cat << END                                                    >> $NGX_MAKEFILE

$image_gateway_objs: CFLAGS += $image_gateway_language \\
	$image_gateway_warnings -MMD -MP \\
	-I$ngx_addon_dir/src $image_gateway_symbols \\
	-DIMAGE_GATEWAY_CATALOG='"$ngx_addon_dir/$image_gateway_catalog"' \\
	-DIMAGE_GATEWAY_PAGE='"$image_gateway_tree$image_gateway_unit_dir/page.html"' \\
	$IMAGE_GATEWAY_CFLAGS

$image_gateway_objs: $ngx_addon_dir/config.make $ngx_addon_dir/config.list

$NGX_OBJS/ngx_http_image_gateway_module$ngx_modext: $image_gateway_exports

-include \$(patsubst %.$ngx_objext,%.d,$image_gateway_objs)

END

# the catalogue is embedded with .incbin, which -MMD does not see
echo "$NGX_OBJS/addon/image_gateway/core-catalog.$ngx_objext: $ngx_addon_dir/$image_gateway_catalog"  >> $NGX_MAKEFILE

# so is the page, which is put together first
cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/addon/image_gateway/core-html.$ngx_objext: $image_gateway_unit_dir/page.html

$image_gateway_unit_dir/page.html: \$(wildcard $ngx_addon_dir/$image_gateway_page/*)
	sh $ngx_addon_dir/$image_gateway_page/assemble.sh > \$@.new
	mv \$@.new \$@

END
